"""The paper's claims, each with the statistic and the rule that decide it."""

from landscope.studies.santurkar2018.claims.question_1 import question_1
from landscope.studies.santurkar2018.claims.question_2 import question_2
from landscope.studies.santurkar2018.claims.smoothness import smoothness
from landscope.studies.santurkar2018.claims.speed import faster, larger_steps
from landscope.studies.santurkar2018.claims.theorems import theorems

CLAIMS = (faster, question_1, question_2, smoothness, larger_steps, theorems)
"""In the order in which the paper tells its story."""
