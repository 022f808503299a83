// Before anything is painted: with scripts, plots stand in for the still pictures.
document.documentElement.classList.add("js");
