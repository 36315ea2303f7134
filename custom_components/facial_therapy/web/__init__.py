"""What the browser uses: cards, WebSocket commands and the export."""
