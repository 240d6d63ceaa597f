"""The exceptions for what a user can mend. From everywhere, to main."""

ABSENT = 76  # the exit code: another process is dead, late or not there


class UserError(Exception):
  """A mistake in a config, a file or a workdir; its message is one clear line.

  `main` prints the message without a traceback and exits with code 2. The
  message names the file and line (or key and value), what was expected and
  how to mend it.
  """

  code = 2


class AbsentError(UserError):
  """Other processes are not there, for which time may be the cure.

  Their machines may be slow to start, or be mended. `main` exits with code 76,
  after which schedulers try again.
  """

  code = ABSENT
