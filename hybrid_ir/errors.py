"""The one exception for what a user can mend. From everywhere, to main."""


class UserError(Exception):
  """A mistake in a config, a file or a workdir; its message is one clear line.

  `main` prints the message without a traceback and exits with code 2. The
  message names the file and line (or key and value), what was expected and
  how to mend it.
  """
