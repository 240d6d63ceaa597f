"""Several hosts: finding and watching them. To `processes`, `watchdog`."""
