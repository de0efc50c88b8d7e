"""The methods of the API: their parameters, their weights, and what they do."""
