"""Where a value that holds for an account can come from; the trail of decisions and the panel show these words."""

ACCOUNT, DEFAULTS, EVERY_BRIDGE, BUILT_IN = "account", "defaults", "channels.defaults", "built-in"
ENVIRONMENT = "environment"
