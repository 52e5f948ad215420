"""What mixtures are used for: each application a folder of its own, on estimators and mixtures."""
