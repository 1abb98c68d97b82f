"""The companion's machinery: specification -> run -> record -> table -> page. Nothing outside imports it."""
