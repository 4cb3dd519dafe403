module required-annotation

go 1.24
