"""The tests, in folders by what they cost; `support` holds what they share."""
