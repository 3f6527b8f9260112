"""How feature learning can improve scaling laws, Bordelon, Atanasov, Pehlevan 2024 (arXiv 2409.17858)."""
