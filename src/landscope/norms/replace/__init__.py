"""Every norm of anyone's model replaced by another: find, plan, then do it in a copy."""
