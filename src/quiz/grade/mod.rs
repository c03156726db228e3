//! Judging an answer: free text, numbers, formulas and choices.
