from coworkd.cli import main

main()
