"""Systems beside each other, with tests. From workdirs, to tables and pages."""
