"""The calls about opt-outs and opt-ins: one number's, lists, exports and imports; and their description."""
