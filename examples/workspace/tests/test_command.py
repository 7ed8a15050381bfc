import contextlib
import io
import tempfile
import unittest
from pathlib import Path

from textreport.__main__ import main


def run(*arguments):
    """Exit code, standard output and standard error of one call."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


class CommandTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name, "text.txt")
        self.file.write_text("one two two\n", encoding="utf-8")

    def test_prints_the_most_frequent_words(self):
        code, out, _ = run("--top", 1, self.file)
        self.assertEqual(code, 0)
        self.assertIn("two    2\n", out)
        self.assertNotIn("one", out)

    def test_a_missing_file_is_an_error_in_words(self):
        code, out, err = run(self.file.with_name("missing.txt"))
        self.assertEqual((code, out), (1, ""))
        self.assertIn("missing.txt: No such file", err)


if __name__ == "__main__":
    unittest.main()
