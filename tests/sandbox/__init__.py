"""The sandbox checked sentence by sentence against what was seen of a real Mattermost, over real HTTP and WebSocket."""
