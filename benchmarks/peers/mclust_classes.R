# mclust's ten-fold cross-validation. Reads ../shared/data/classic, beside the project.
#   Rscript benchmarks/peers/mclust_classes.R [set]      wrong rows over the seeds 1 to 12
#   Rscript benchmarks/peers/mclust_classes.R folds      the folds of seed 1, a digit a row of the set: mclust_folds.csv,
#                                                        on which mclust has the errors of ../shared/reference/mclust_da.csv
suppressMessages(library(mclust))
name <- c(commandArgs(trailingOnly = TRUE), "crabs")[1]
read <- function(name) read.csv(file.path("..", "shared", "data", "classic", paste0(name, ".csv")))
if (name == "folds") {
  cat("dataset,folds\n")
  for (name in c("banknote", "iris", "crabs", "diabetes")) {
    rows <- read(name)
    labels <- as.factor(rows[[ncol(rows)]])
    set.seed(1)
    fold <- integer(length(labels))
    # What cvMclustDA cuts rows into, and draws nothing before.
    folds <- mclust:::balancedFolds(labels, nfolds = 10)
    for (j in seq(folds)) fold[folds[[j]]] <- j - 1
    cat(name, ",", fold, "\n", sep = "")
  }
  quit()
}
rows <- read(name)
labels <- as.character(rows[[ncol(rows)]])
for (type in c("EDDA", "MclustDA")) {
  model <- MclustDA(rows[-ncol(rows)], labels, modelType = type, verbose = FALSE)
  wrong <- sapply(1:12, function(seed) {
    set.seed(seed)
    sum(as.character(cvMclustDA(model, nfold = 10, verbose = FALSE)$classification) != labels)
  })
  cat(name, type, "mean", mean(wrong), "of", wrong, "\n")
}
