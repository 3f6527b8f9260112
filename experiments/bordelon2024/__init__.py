"""A dynamical model of neural scaling laws, Bordelon, Atanasov, Pehlevan 2024 (arXiv 2402.01092)."""
