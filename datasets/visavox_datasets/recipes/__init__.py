"""Recipes: public data sets by name. The network is asked only where a suite names one and its files are not there."""
