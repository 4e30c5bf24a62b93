"""Speech recognisers that write down what is said."""
