"""The benchmark: a month of a company with 100,000 accounts, rated by Ratebook and by others, side by side."""
