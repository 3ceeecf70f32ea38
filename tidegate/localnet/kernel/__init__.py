"""The exchange's state and mechanics: books, accounts, margin, orders; no door, no market, no clock."""
