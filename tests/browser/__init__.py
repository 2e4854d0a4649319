"""Pages in a real browser, with the whole system behind them."""
