"""The features: one folder for each, in the order of `chatapp.app.FEATURES`."""
