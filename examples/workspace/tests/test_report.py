import unittest

from textreport.report import table


class TableTest(unittest.TestCase):
    def test_columns_are_aligned(self):
        self.assertEqual(table([("the", 12), ("a", 3)]), "the   12\na      3\n")

    def test_an_empty_table_says_so(self):
        self.assertEqual(table([]), "no words\n")


if __name__ == "__main__":
    unittest.main()
