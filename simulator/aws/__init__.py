"""The world behind the real AWS API: ECS, CloudWatch and scaling are its own, their neighbours moto's."""
