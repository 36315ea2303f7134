"""Everything durable: the ledger's file, the stores of preferences, and the codec of both."""
