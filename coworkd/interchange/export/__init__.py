"""Tasks and plans in the formats of other tools, and as pages for people. Pure: values in, text out."""
