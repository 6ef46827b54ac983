"""From a picture to scores: objective, gradient, projection, features, kernel, index, engine."""
