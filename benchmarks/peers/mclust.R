# mclust's EM for VVV and VVI, from given parameters; the words and files of given.hpp.
suppressMessages(library(mclust))
words <- commandArgs(trailingOnly = TRUE)
if (words[1] == "version") {
  cat("mclust", as.character(packageVersion("mclust")), "\n")
  quit()
}
read <- function(name, size) readBin(file.path(words[1], paste0(name, ".f64")), "double", size)
n <- as.integer(words[2]); d <- as.integer(words[3]); k <- as.integer(words[4])
rows <- matrix(read("rows", n * d), n, d, byrow = TRUE)
means <- matrix(read("means", k * d), d, k)
model <- if (words[5] == "full") "VVV" else "VVI"
variance <- if (model == "VVV") {
  unit <- array(diag(d), c(d, d, k))
  list(modelName = model, d = d, G = k, sigma = unit, cholsigma = unit)
} else {
  list(modelName = model, d = d, G = k, scale = rep(1, k), shape = matrix(1, d, k))
}
parameters <- list(pro = read("weights", k), mean = means, variance = variance)
z <- estep(data = rows, modelName = model, parameters = parameters)$z
for (passes in as.integer(words[-(1:5)])) {
  control <- emControl(tol = c(0, 0), itmax = c(passes, passes))
  taken <- system.time(suppressWarnings(me(data = rows, modelName = model, z = z, control = control)))
  cat(passes, taken[["user.self"]] + taken[["sys.self"]], "\n")
}
