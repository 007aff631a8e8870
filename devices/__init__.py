"""What a machine is made of: chips, the boards around them, and the host devices behind them."""
