import unittest

from textreport.words import count, most_frequent, words


class WordsTest(unittest.TestCase):
    def test_case_and_punctuation_do_not_matter(self):
        self.assertEqual(words("The fox, THE dog."), ["the", "fox", "the", "dog"])

    def test_an_apostrophe_belongs_to_its_word(self):
        self.assertEqual(count("Don't panic, don't!"), {"don't": 2, "panic": 1})

    def test_nothing_has_no_words(self):
        self.assertEqual(words(" ... "), [])


class MostFrequentTest(unittest.TestCase):
    def test_ties_are_broken_by_the_alphabet(self):
        self.assertEqual(most_frequent({"b": 1, "c": 2, "a": 1}, 2), [("c", 2), ("a", 1)])


if __name__ == "__main__":
    unittest.main()
