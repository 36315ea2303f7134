"""Voice: sentences, their actions and answers."""
