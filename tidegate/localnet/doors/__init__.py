"""How clients come in: HTTP, WebSocket, in process; and what limits them."""
