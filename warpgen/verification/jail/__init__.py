"""Where a stranger's kernel is read, compiled and run: processes that hold nothing and can reach nothing."""
