"""Media providers: one module each, one face (`base.Provider`)."""
