"""Whom an account may not write to: opt-outs and opt-ins, by keyword and by hand, and how they are looked up."""
