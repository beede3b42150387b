"""From statements to the text of a module: what is dead goes, what people would say is added."""
