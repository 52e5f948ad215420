# Wrong rows of mclust's ten-fold cross-validation, over the seeds 1 to 12: Rscript benchmarks/peers/mclust_classes.R [set]
# Reads ../shared/data/classic, beside the project; the reference figures are of one partition.
suppressMessages(library(mclust))
name <- c(commandArgs(trailingOnly = TRUE), "crabs")[1]
rows <- read.csv(file.path("..", "shared", "data", "classic", paste0(name, ".csv")))
labels <- as.character(rows[[ncol(rows)]])
for (type in c("EDDA", "MclustDA")) {
  model <- MclustDA(rows[-ncol(rows)], labels, modelType = type, verbose = FALSE)
  wrong <- sapply(1:12, function(seed) {
    set.seed(seed)
    sum(as.character(cvMclustDA(model, nfold = 10, verbose = FALSE)$classification) != labels)
  })
  cat(name, type, "mean", mean(wrong), "of", wrong, "\n")
}
