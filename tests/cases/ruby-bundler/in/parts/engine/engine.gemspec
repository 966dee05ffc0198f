Gem::Specification.new do |s|
  s.name = "engine"; s.version = "0.1.0"; s.summary = "Part"; s.authors = ["Example Authors"]; s.files = []
  s.add_dependency "alpha", ">= 1"
end
