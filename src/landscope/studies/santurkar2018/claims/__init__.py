"""The paper's claims, each with the statistic and the rule that decide it."""
