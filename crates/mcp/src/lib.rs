//! ToolRegistry and ToolExecutor over MCP JSON-RPC.
