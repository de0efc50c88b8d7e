"""What became of an order, and what a request may be refused for."""
