"""What may explain a gap: resources, tokenizers, tagging, unequal pools; and what systems cost."""
