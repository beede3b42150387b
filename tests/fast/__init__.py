"""No compiler, no command: what can be told in this process within a minute."""
