module example.org/Shop/app

go 1.21

require (
	example.org/Upper/dep v1.0.0
	example.org/big v2.1.0+incompatible
	example.org/loc v0.0.0
	example.org/old v1.1.0
)

require (
	example.org/deep v0.3.0 // indirect
	example.org/tool v1.4.0 // indirect
)

replace example.org/loc => ./loc

replace example.org/old v1.1.0 => example.org/new v1.2.0

tool example.org/tool/cmd/gen
