"""How a decision is carried out so that no crash can lose it or do it twice."""
