module example.org/loc

go 1.21
