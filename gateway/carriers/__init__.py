"""World 2, SMSCs: a bind drives one session over one stream; a carrier keeps its binds up and says what room it has."""
