"""Which words does a text use most?"""
